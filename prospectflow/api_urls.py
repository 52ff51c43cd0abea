"""Every resource of /api/v1/."""

from django.urls import path
from rest_framework.routers import SimpleRouter

from crm.api.views import (
    CompanyViewSet,
    ConsentViewSet,
    PersonViewSet,
    PhoneViewSet,
    PositionViewSet,
)
from iam.api.me import MeViewSet, OrganisationsViewSet, SessionViewSet
from iam.api.views import (
    AuditEventViewSet,
    InvitationViewSet,
    MembershipViewSet,
    OperatorEntryViewSet,
    OrganisationViewSet,
    ServiceAccountViewSet,
)
from outreach.api.address_checks import AddressCheckViewSet
from outreach.api.campaign_views import CampaignViewSet, EnrollmentViewSet
from outreach.api.import_mappings import ImportMappingViewSet
from outreach.api.import_views import ImportViewSet
from outreach.api.mailbox_views import MailboxViewSet
from outreach.api.segments import SegmentViewSet
from outreach.api.sending_views import (
    DraftViewSet,
    MessageViewSet,
    SuppressionViewSet,
    TaskViewSet,
)
from outreach.api.step_views import (
    AssignmentViewSet,
    ExperimentViewSet,
    PromptViewSet,
    StepViewSet,
    VariantViewSet,
)
from outreach.api.switches import SendingViewSet
from outreach.api.webhooks import WebhookDeliveryViewSet, WebhookViewSet
from tracking.api.views import DailyStatsViewSet, OpensViewSet, PixelViewSet

router = SimpleRouter(use_regex_path=False)
router.register("me/sessions", SessionViewSet, basename="session")
router.register("organisations", OrganisationsViewSet, basename="organisation")
router.register("memberships", MembershipViewSet, basename="membership")
router.register("invitations", InvitationViewSet, basename="invitation")
router.register("service-accounts", ServiceAccountViewSet, basename="serviceaccount")
router.register("operator-entries", OperatorEntryViewSet, basename="operatorentry")
router.register("audit-events", AuditEventViewSet, basename="auditevent")
router.register("companies", CompanyViewSet, basename="company")
router.register("people", PersonViewSet, basename="person")
router.register("phones", PhoneViewSet, basename="phone")
router.register("positions", PositionViewSet, basename="position")
router.register("consents", ConsentViewSet, basename="consent")
router.register("segments", SegmentViewSet, basename="segment")
router.register("campaigns", CampaignViewSet, basename="campaign")
router.register("steps", StepViewSet, basename="workflowstep")
router.register("prompts", PromptViewSet, basename="prompt")
router.register("experiments", ExperimentViewSet, basename="stepexperiment")
router.register("variants", VariantViewSet, basename="variant")
router.register("variant-assignments", AssignmentViewSet, basename="variantassignment")
router.register("enrollments", EnrollmentViewSet, basename="enrollment")
router.register("drafts", DraftViewSet, basename="draft")
router.register("tasks", TaskViewSet, basename="task")
router.register("messages", MessageViewSet, basename="message")
router.register("mailboxes", MailboxViewSet, basename="mailbox")
router.register("suppressions", SuppressionViewSet, basename="suppression")
router.register("imports", ImportViewSet, basename="importupload")
router.register("import-mappings", ImportMappingViewSet, basename="importmapping")
router.register("address-checks", AddressCheckViewSet, basename="addresscheck")
router.register("statistics", DailyStatsViewSet, basename="dailystats")
router.register("opens", OpensViewSet, basename="openstats")
router.register("pixels", PixelViewSet, basename="pixel")
router.register("webhooks", WebhookViewSet, basename="webhookendpoint")
router.register("webhook-deliveries", WebhookDeliveryViewSet, basename="webhookdelivery")

urlpatterns = [
    path("me/", MeViewSet.as_view({"get": "retrieve"}), name="me"),
    path(
        "organisation/",
        OrganisationViewSet.as_view({"get": "retrieve", "patch": "partial_update"}),
        name="own-organisation",
    ),
    path("organisation/sending/", SendingViewSet.as_view({"get": "retrieve"}), name="sending"),
    path(
        "organisation/sending/stop/",
        SendingViewSet.as_view({"post": "stop"}),
        name="sending-stop",
    ),
    path(
        "organisation/sending/resume/",
        SendingViewSet.as_view({"post": "resume"}),
        name="sending-resume",
    ),
    *router.urls,
]
