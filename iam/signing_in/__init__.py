"""People sign in through an OpenID provider: it says who they are, never what they may do."""
