"use strict";
// What the node takes from `n8n-workflow`: two errors.

class NodeOperationError extends Error {
  constructor(node, error, options = {}) {
    super(options.message ?? (error instanceof Error ? error.message : String(error)));
    this.node = node;
    this.description = options.description;
  }
}

class NodeApiError extends Error {
  constructor(node, response, options = {}) {
    super(options.message ?? response.message);
    this.node = node;
    this.description = options.description ?? response.description;
  }
}

module.exports = { NodeOperationError, NodeApiError };
