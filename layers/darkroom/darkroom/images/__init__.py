"""Images: downloaded, judged by their bytes, copied into the bucket, and handed out by links."""
