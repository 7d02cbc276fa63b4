"""The help of the program: its manual, its glossary and the list of all shortcuts."""
