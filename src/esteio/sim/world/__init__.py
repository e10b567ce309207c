"""Ground truth: phones, WhatsApp, provider servers and their instances, the network, and what goes wrong with them."""
