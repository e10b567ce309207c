"""Settings and the vault: nothing misspelt passes, nothing secret leaks."""

import ipaddress
import stat
from pathlib import Path
from typing import Protocol

import pytest
from cryptography.fernet import Fernet

from esteio.config import Settings, SettingsError, load
from esteio.vault import Vault, VaultError, WrongKey, open_vault

FILE = """
listen = "0.0.0.0:9000"
allow_targets = ["10.0.0.0/8"]
max_body_bytes = 2_000_000

[notify]
targets = ["json://people"]

[policy.gentle]
inherits = "seeds"
connect_attempts = 7
restart_cooldown_s = 0.5

[policy.default]
hold_for_s = 60

[[servers]]
name = "evo"
kind = "evolution"
base_url = "http://evo:8080"
credentials = { apikey = "k" }
limits = { connects_in_flight = 4 }

[[sessions]]
name = "line"
server = "evo"
policy = "gentle"
"""


class Read(Protocol):
    """What a file, the environment and the command line give together."""

    def __call__(
        self, text: str, environ: dict[str, str] | None = None, overrides: dict[str, str | None] | None = None
    ) -> Settings: ...


@pytest.fixture
def read(tmp_path: Path) -> Read:
    def reader(
        text: str, environ: dict[str, str] | None = None, overrides: dict[str, str | None] | None = None
    ) -> Settings:
        path = tmp_path / "esteio.toml"
        path.write_text(text)
        return load(path, environ or {}, overrides)

    return reader


def test_a_whole_file(read: Read) -> None:
    settings = read(FILE)
    assert settings.address == ("0.0.0.0", 9000)
    assert settings.base_url == "http://0.0.0.0:9000"
    assert settings.allowed_networks == (ipaddress.ip_network("10.0.0.0/8"),)
    assert settings.notify.targets == ("json://people",)
    assert settings.policies["gentle"].connect_attempts == 7
    assert settings.policies["gentle"].on_down == "fail"
    assert settings.policies["default"].hold_for_s == 60
    assert settings.servers[0].limits.connects_in_flight == 4
    assert settings.sessions[0].policy == "gentle"


def test_nothing_at_all_works() -> None:
    settings = load(None, {"HOME": "/x"})
    assert (settings.language, settings.max_body_bytes, settings.max_carried_bytes) == (
        "pt-BR",
        1_048_576,
        146_800_640,
    )


def test_the_environment_goes_before_the_file_and_the_command_line_before_both(read: Read) -> None:
    environ = {
        "ESTEIO_LISTEN": "127.0.0.1:1",
        "ESTEIO_DATA": "/srv",
        "ESTEIO_PUBLIC_URL": "https://wa.example/",
        "ESTEIO_ALLOW_TARGETS": "192.168.0.0/16, fd00::/8",
        "ESTEIO_NOTIFY": "json://a json://b",
        "ESTEIO_MAX_BODY_BYTES": "4096",
        "ESTEIO_DOOR_SERVER": "evo",
        "ESTEIO_LOG_LEVEL": "debug",
        # the command line's own, and what Kubernetes adds
        "ESTEIO_URL": "http://x",
        "ESTEIO_KEY": "y",
        "ESTEIO_SERVICE_HOST": "10.0.0.1",
        "ESTEIO_PORT_8700_TCP_ADDR": "10.0.0.1",
    }
    settings = read(FILE, environ, {"listen": "127.0.0.1:2", "data": None})
    assert settings.listen == "127.0.0.1:2"
    assert settings.data == "/srv"
    assert settings.base_url == "https://wa.example"
    assert len(settings.allowed_networks) == 2
    assert settings.notify.targets == ("json://a", "json://b")
    assert (settings.max_body_bytes, settings.door.server, settings.log.level) == (4096, "evo", "debug")


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("lisen = 'x'", "did you mean 'listen'"),
        ("[notfy]\ntargets = []", "did you mean 'notify'"),
        ("[notify]\ntarget = []", "did you mean 'notify.targets'"),
        ("[policy.x]\nconect_attempts = 1", "did you mean 'policy.x.connect_attempts'"),
        ("[policy.x]\ninherits = 'y'", "does not exist"),
        ("[policy.x]\nconnect_attempts = -1", "may not be negative"),
        ("[policy.x]\ndestructive = 'maybe'", "destructive"),
        ("[[servers]]\nnme = 'a'", "did you mean 'servers.name'"),
        ("[[servers]]\nname = 'a'\nkind = 'k'\nbase_url = 'u'\nlimits = {conects = 1}", "conects"),
        ("[[sessions]]\nname = 'a'\nserver = 's'\npolicy = 'defalt'", "did you mean 'default'"),
        ("listen = 8700", "listen"),
        ("listen = '8700'", "HOST:PORT"),
        ("listen = 'h:70000'", "HOST:PORT"),
        ("max_body_bytes = 0", "max_body_bytes"),
        ("language = 'fr'", "language"),
        ("admin_key = 'short'", "16 characters"),
        ("secret_key = 'short'", "16 characters"),
        ("public_url = 'wa.example'", "http"),
        ("allow_targets = ['10.0.0.0/40']", "allow_targets"),
        ("listen = ", "no TOML"),
        ("[retention]\nmessages_s = 86400", "retention.messages_s must be 0 or 2678400 (31 days) at least"),
        ("[retention]\ntimeline_s = 60", "retention.timeline_s must be 0 or 604800 (7 days) at least"),
        ("[retention]\ndedupe_s = 60", "retention.dedupe_s"),
    ],
)
def test_what_cannot_be_used_is_said(read: Read, text: str, says: str) -> None:
    with pytest.raises(SettingsError) as caught:
        read(text)
    assert says in str(caught.value)


def test_messages_and_timelines_may_be_kept_for_good(read: Read) -> None:
    keep = read("[retention]\nmessages_s = 0\ntimeline_s = 0").retention
    assert (keep.messages_s, keep.timeline_s) == (0, 0)


def test_an_unknown_variable_is_said() -> None:
    with pytest.raises(SettingsError, match="did you mean 'ESTEIO_DATABASE'"):
        load(None, {"ESTEIO_DATABSE": "x"})


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="cannot be read"):
        load(tmp_path / "none.toml", {})


def test_settings_do_not_show_their_secrets(read: Read) -> None:
    settings = read(FILE, {"ESTEIO_ADMIN_KEY": "a-secret-of-sixteen-or-more"})
    assert "a-secret" not in repr(settings)


# -- the vault ---------------------------------------------------------------------------------------------------


def test_the_key_is_made_once_and_only_its_owner_may_read_it(tmp_path: Path) -> None:
    sealed = open_vault(tmp_path / "data", None).seal({"apikey": "s3cret"}, "server/evo")
    path = tmp_path / "data" / "secret.key"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert b"s3cret" not in sealed
    assert open_vault(tmp_path / "data", None).unseal(sealed, "server/evo") == {"apikey": "s3cret"}


@pytest.mark.parametrize("word", ["a word of sixteen characters", Fernet.generate_key().decode()], ids=["words", "key"])
def test_a_key_of_the_settings(tmp_path: Path, word: str) -> None:
    sealed = open_vault(tmp_path, word).seal({"apikey": "s3cret"}, "server/evo")
    assert open_vault(tmp_path, word).unseal(sealed, "server/evo") == {"apikey": "s3cret"}
    assert not (tmp_path / "secret.key").exists()


def test_another_key_is_said_clearly(tmp_path: Path) -> None:
    sealed = open_vault(tmp_path, "the first word, long enough").seal({"apikey": "x"}, "server/evo")
    with pytest.raises(WrongKey, match=r"secret\.key"):
        open_vault(tmp_path, "the second word, long enough").unseal(sealed, "server/evo")


def test_keys_that_are_none(tmp_path: Path) -> None:
    with pytest.raises(VaultError, match="16 characters"):
        open_vault(tmp_path, "short")
    (tmp_path / "secret.key").write_text("not a key")
    with pytest.raises(VaultError, match="holds no key"):
        open_vault(tmp_path, None)


def test_nothing_is_sealed_as_nothing() -> None:
    vault = Vault(Fernet.generate_key())
    assert vault.seal({}, "server/evo") == b""
    assert vault.unseal(b"", "server/evo") == {}
