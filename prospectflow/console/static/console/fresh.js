// A page that the browser kept in memory shows what its person saw: after a sign-out it must not.
window.addEventListener("pageshow", (event) => {
  if (event.persisted) window.location.reload();
});
