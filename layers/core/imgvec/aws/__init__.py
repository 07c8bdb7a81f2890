"""Code of the Lambda functions; nothing else imports it, and only this imports Powertools."""
