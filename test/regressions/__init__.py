"""Each known defect of the official Python SDK (ufile 3.2.11) as a scenario that it fails and ours passes."""
