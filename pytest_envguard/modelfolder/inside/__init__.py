"""What runs in the fresh interpreter, beside the libraries that it asks: nothing but the standard library."""
