"""What an admin may ask about public status pages. Never lives here: what a page shows."""
