"""Self-contained HTML pages: escaped content, tables, charts and images, no remote asset."""
