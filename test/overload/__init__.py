"""More than the machine has: clients, connections, room, descriptors; and a disk that fails."""
