"""How operations run: fields that fetch are batch functions over parents."""
