"""All that a person looks at: tables, progress, pictures. Nothing below draws."""
