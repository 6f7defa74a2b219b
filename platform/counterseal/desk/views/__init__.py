"""What windows show: frozen answers over documents and log rows; nothing here writes."""
