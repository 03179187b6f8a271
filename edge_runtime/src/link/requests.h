/* requests.h: each request once, whatever the line does. */
#ifndef MB_REQUESTS_H
#define MB_REQUESTS_H

#include <stdbool.h>

#include "metabit_link.h"
#include "protocol.h"

/* Wait for a request that was not executed yet; it then lies in link->request. A request that comes
 * again gets the reply that it had. False: the port has closed. */
bool mb_request_next(mb_link *link);

/* Reply to the request, with the payload of link->reply_bytes that lies in link->reply. The reply
 * stays there until the next request comes. */
void mb_request_reply(mb_link *link, int result);

#endif /* MB_REQUESTS_H */
