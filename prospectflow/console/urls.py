"""The way in and out through the sign-in provider; the console's other pages are its site's."""

from django.urls import path

from prospectflow.console.views import signing_in

urlpatterns = [
    path("login/", signing_in.Begin.as_view(), name="oidc-login"),
    path("callback/", signing_in.Callback.as_view(), name="oidc-callback"),
    path("logout/", signing_in.Leave.as_view(), name="oidc-logout"),
]
