"""What every driver of uvideo.storage promises: one class for each interface, inherited by the tests of each driver."""
