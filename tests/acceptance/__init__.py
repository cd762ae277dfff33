"""The whole house at work: real processes, real streams, real radios."""
