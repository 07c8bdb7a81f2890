"""What the Lambda functions share; nothing else imports it, and it alone imports Powertools."""
