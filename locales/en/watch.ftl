# Statistical watch, transparency, refused orders, notices
