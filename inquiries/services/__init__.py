"""What the product does, one file each: a service owns its transactions; stores and sealing meet here."""
