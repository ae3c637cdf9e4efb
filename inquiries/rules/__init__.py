"""Pure decisions over the policy and plain facts; nothing here reads a store, a clock or a request."""
