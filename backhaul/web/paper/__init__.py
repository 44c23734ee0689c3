"""Documents on paper: bills, receipts and statements as PDF (docs/decisions/0013-documents-on-paper.md)."""
