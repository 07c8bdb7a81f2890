"""HTTP: the application, its middleware, and the parts that dialects are written with."""
