"""The report's languages: catalogues, vocabulary, numerals, reasons."""
