"""What the product does, one file each: a service owns its transactions and brings stores and sealing together."""
