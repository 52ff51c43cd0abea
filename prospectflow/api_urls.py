"""Every resource of /api/v1/."""

from rest_framework.routers import SimpleRouter

from crm.api.views import CompanyViewSet

router = SimpleRouter(use_regex_path=False)
router.register("companies", CompanyViewSet, basename="company")

urlpatterns = router.urls
