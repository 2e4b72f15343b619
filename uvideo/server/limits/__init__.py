"""What requests may hold: memory, room on the disk, and bodies kept until they are stored."""
