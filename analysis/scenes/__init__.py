"""The drawn world of the embedded model: scenes, what people say and ask about them."""
