"""What tests share: an injected clock, databases, whole fake daemons, real servers."""
