"""Pictures of the start page, made by docs/pictures/make_doors.py."""
