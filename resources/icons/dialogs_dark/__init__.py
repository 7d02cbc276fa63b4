"""Icons of Qt's file dialog in the dark theme, under the names of the freedesktop icon naming specification."""
