/* What a node tells its application's user by the callback trouble (<kith/node.h>). */
#ifndef KITH_TROUBLE_H
#define KITH_TROUBLE_H

#include <kith/err.h>

/* Things that an application may want to tell its user. The node goes on. */
enum kith_trouble {
	/* the state or the contacts could not be saved (err), and it will be tried again; or what was saved cannot be
	 * used: the file was put aside, and the node goes on without. Of lost contacts the user should hear: names that
	 * were pinned are not any more */
	KITH_TROUBLE_STATE,
	/* a socket of one family could not be opened (err); or it failed, and is being opened again: told once */
	KITH_TROUBLE_SOCKET,
	/* the wall clock is wrong (KITH_ESKEW): earlier than it can be, and validity is checked against the earliest
	 * time that can be; or homes say so. 0: it is right again */
	KITH_TROUBLE_CLOCK,
	KITH_TROUBLE_BOOTSTRAP, /* a bootstrap host could not be resolved (err): told once; it will be tried again */
	KITH_TROUBLE_LIST, /* an issuer's certificate or a revocation list of the options was refused (err) */
	/* no supernode has taken us for 5 s: err as struct kith_homeless has it, and why in words. Told again when the
	 * reason changes; attached tells that it is over */
	KITH_TROUBLE_HOMELESS,
	/* homes end what they began right away, or do not take our record (err): KITH_EEXIST: another node uses this
	 * profile; KITH_ESKEW: our clock is wrong. It is tried once a minute; told once in ten */
	KITH_TROUBLE_ATTACH,
	/* a name was found under several identities (KITH_ETWICE): its issuer has certified it twice, by mistake, for
	 * somebody else, or anew. Told at every look-up and call that finds it so */
	KITH_TROUBLE_NAME,
	/* revocation lists are late (KITH_EEXPIRED), so late that calls are refused (KITH_ESTALE), or in time (0) */
	KITH_TROUBLE_LISTS_LATE,
	/* others cannot reach us at an endpoint of ours (err), as they tried; 0: they can again */
	KITH_TROUBLE_ENDPOINT,
	KITH_TROUBLE_CAUGHT, /* a home lies, or does not work (KITH_EPROTO): why names it; it is replaced */
	/* the device's certificate is due, and could not be renewed. KITH_ENOENT, KITH_EAUTH: the key file does not
	 * hold the identity's key; KITH_EPASSPHRASE: it is protected; else why reading it, or writing the chain,
	 * failed. why says what to do. 0: it was renewed. Each reason once */
	KITH_TROUBLE_CERTIFICATE,
	/* an issuer shows different logs to different people (KITH_ETWICE): two heads that it signed contradict each
	 * other. why names its key; kith_node_logs has both heads. Once since the start */
	KITH_TROUBLE_LOG,
	/* a link carries no packets of 1200 bytes: ours go in fragments, which some networks drop (KITH_EMSGSIZE). why
	 * names the interface and its MTU. Told once for each of them */
	KITH_TROUBLE_MTU,
	/* the proxy of the options does not connect us: it wants another user or password, or does not allow it
	 * (KITH_EACCES), is none of that kind (KITH_EPROTO), or did not reach a supernode. Each reason once in a row */
	KITH_TROUBLE_PROXY,
	/* a wss:// host of the options is no use: its certificate is not to be trusted (KITH_EACCES), what answers is
	 * none of ours (KITH_EPROTO), or the component is not here (KITH_ENOTSUP). why names the URL. Each once in a
	 * row */
	KITH_TROUBLE_WEB,
	/* a TURN server of the options does not relay for us: it wants another user or password, or does not serve us
	 * (KITH_EACCES), or it did not answer. why names it. Each once in a row; 0: one relays again */
	KITH_TROUBLE_TURN
};

#endif
