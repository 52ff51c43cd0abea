"""Every resource of /api/v1/."""

from rest_framework.routers import SimpleRouter

from crm.api.views import (
    CompanyViewSet,
    ConsentViewSet,
    PersonViewSet,
    PhoneViewSet,
    PositionViewSet,
)
from outreach.api.webhooks import WebhookDeliveryViewSet, WebhookViewSet

router = SimpleRouter(use_regex_path=False)
router.register("companies", CompanyViewSet, basename="company")
router.register("people", PersonViewSet, basename="person")
router.register("phones", PhoneViewSet, basename="phone")
router.register("positions", PositionViewSet, basename="position")
router.register("consents", ConsentViewSet, basename="consent")
router.register("webhooks", WebhookViewSet, basename="webhookendpoint")
router.register("webhook-deliveries", WebhookDeliveryViewSet, basename="webhookdelivery")

urlpatterns = router.urls
