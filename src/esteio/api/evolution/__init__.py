"""The Evolution door: an Evolution API v2 client changes its base URL, and everything it says goes through Esteio."""
