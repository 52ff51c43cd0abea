"""Every address of the web process."""

urlpatterns = []
