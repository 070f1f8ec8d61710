"""The project's own VGGish: trained on the solo recordings of a task's training side, stored as a SavedModel."""
