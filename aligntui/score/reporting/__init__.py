"""Reports: one document of paragraphs, tables and figures, written as text, Markdown, HTML and CSV."""
