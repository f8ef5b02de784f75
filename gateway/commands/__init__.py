"""What `helpdesk-gateway` can be told to do, a module each."""
