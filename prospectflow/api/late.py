"""Lists of numbers, which are made every few minutes: they may come from the replica."""

from functools import partial
from typing import Any, cast

from rest_framework.permissions import SAFE_METHODS
from rest_framework.request import Request

from prospectflow.api.viewsets import Handler, TenantViewSet
from prospectflow.tenancy.middleware import TenantRequest
from prospectflow.tenancy.replica import reading_within


class ReadLate(TenantViewSet):
    """Rows whose lists and sums are read by the replica, where there is one and it is near."""

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        super().initial(request, *args, **kwargs)
        method = (request.method or "").lower()
        if request.method in SAFE_METHODS and self.action != "export" and not self.detail:
            setattr(self, method, partial(self._late, getattr(self, method)))

    def _late(self, handler: Handler, request: Request, *args: Any, **kwargs: Any) -> Any:
        place = cast("TenantRequest", request._request).membership
        answer = partial(handler, request, *args, **kwargs)
        if place is None:
            return answer()
        return reading_within(answer, place.organisation_id, user_id=request.user.pk)
