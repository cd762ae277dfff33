"""The operating system's doors: files, clock, sockets between our processes, netlink, D-Bus."""
