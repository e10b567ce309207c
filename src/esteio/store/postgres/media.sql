-- Statements over the tables that only this dialect has: bytes of media (`media`).

-- name: media_file_put
INSERT INTO media_files (name, size, put_at, whole) VALUES (:name, :size, :now, 0)
ON CONFLICT (name) DO UPDATE SET put_at = greatest(media_files.put_at, excluded.put_at)
RETURNING whole

-- name: media_piece_add
INSERT INTO media_pieces (name, place, body) VALUES (:name, :place, :body) ON CONFLICT DO NOTHING

-- name: media_file_whole
UPDATE media_files SET whole = 1 WHERE name = :name

-- name: media_file_size
SELECT size FROM media_files WHERE name = :name AND whole = 1

-- name: media_pieces
SELECT body FROM media_pieces
WHERE name = (SELECT name FROM media_files WHERE name = :name AND whole = 1) AND place >= :first AND place < :end
ORDER BY place

-- Strictly older: what was put at this very moment stays.
-- name: media_files_older
SELECT name FROM media_files WHERE put_at < :put_by ORDER BY name

-- name: media_file_drop
DELETE FROM media_files WHERE name = :name AND put_at <= :put_by

-- name: media_pieces_drop
DELETE FROM media_pieces WHERE name = :name
