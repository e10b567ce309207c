"""HTTP itself: requests, routes, decoding, problems, the OpenAPI description. Never lives here: a resource."""
