"""Which pixels have a selected one near. The door is `Growth`."""
