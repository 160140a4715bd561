"""A lake in a bucket: a server that speaks S3, the bucket as a folder to look into, and a network that fails."""
