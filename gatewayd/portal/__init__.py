"""The portal link: TR-369 (USP) over MQTT 5 and WebSocket, on top of the table of operations."""
