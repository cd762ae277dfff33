"""`gatewayctl`: a client of the box for people with a shell, and for scripts.

It knows no feature: what the box can do it reads from the box's own OpenAPI document. Heavy imports
(aiohttp, rich, segno) happen when they are needed, so that `--help` answers at once.
"""
