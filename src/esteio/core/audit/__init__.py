"""The audit log's rows and their chain: what one row holds, how rows are linked, what a look at them finds."""
