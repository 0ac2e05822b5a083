" Syntax of packetdrill scripts, and of what halfopen adds to them.
" Written by `cargo ci editors`.
if exists("b:current_syntax")
  finish
endif
let s:keep = &cpoptions
set cpoptions&vim
syntax case match
syntax include @packetdrillPython syntax/python.vim
unlet! b:current_syntax

syntax keyword packetdrillHeader GREv0 encap gre icmp ipv4 ipv6 mpls psp udp
syntax keyword packetdrillField ack flags id key label mtu off spi sum tc ttl urg win
syntax keyword packetdrillIpWord af11 af12 af13 af21 af22 af23 af31 af32 af33 af41 af42 af43 badipsum badsum ce class
syntax keyword packetdrillIpWord cs0 cs1 cs2 cs3 cs4 cs5 cs6 cs7 df doff dscp dst ecn ect0 ect01 ect1 ef ext flowlabel
syntax keyword packetdrillIpWord frag hlim id ihl iplen ipopt le nodf noecn proto reserved src tos ttl version
syntax match packetdrillIpWord /\<voice-admit\>/
syntax keyword packetdrillTcpOption AccECN0 AccECN1 ECN FO FOEXP TS ceb e0b e1b eceb ecr ee0b ee1b eol md5 mss nop
syntax keyword packetdrillTcpOption octets raw sack sackOK val valid wscale
syntax keyword packetdrillIcmp address_mask_reply address_mask_request address_unreachable admin_prohibited beyond_scope
syntax keyword packetdrillIcmp echo_reply echo_request exceeded_frag_time exceeded_hop_limit exceeded_ttl frag_needed
syntax keyword packetdrillIcmp frag_reass_exceeded header_field host_prohibited host_unknown host_unreachable
syntax keyword packetdrillIcmp host_unreachable_for_tos information_reply information_request net_prohibited net_unknown
syntax keyword packetdrillIcmp net_unreachable net_unreachable_for_tos no_route not_neighbour packet_filtered
syntax keyword packetdrillIcmp packet_too_big parameter_problem port_unreachable precedence_cutoff precedence_violation
syntax keyword packetdrillIcmp protocol_unreachable redirect source_host_isolated source_quench source_route_failed
syntax keyword packetdrillIcmp time_exceeded timestamp_reply timestamp_request ttl_exceeded_in_transit
syntax keyword packetdrillIcmp unknown_next_header unknown_option unreachable
syntax keyword packetdrillCall accept bind cap_set close connect epoll_create epoll_ctl epoll_wait fcntl getsockopt
syntax keyword packetdrillCall ioctl listen open pipe poll psp_rx_assoc psp_tx_assoc read readv recv recvfrom recvmsg
syntax keyword packetdrillCall send sendfile sendmsg sendto setsockopt shutdown socket splice write writev
syntax keyword packetdrillConstant AF_ALG AF_APPLETALK AF_ASH AF_ATMPVC AF_ATMSVC AF_AX25 AF_BLUETOOTH AF_BRIDGE AF_CAIF
syntax keyword packetdrillConstant AF_CAN AF_DECnet AF_ECONET AF_FILE AF_IB AF_IEEE802154 AF_INET AF_INET6 AF_IPX
syntax keyword packetdrillConstant AF_IRDA AF_ISDN AF_IUCV AF_KCM AF_KEY AF_LLC AF_LOCAL AF_MCTP AF_MPLS AF_NETBEUI
syntax keyword packetdrillConstant AF_NETLINK AF_NETROM AF_NFC AF_PACKET AF_PHONET AF_PPPOX AF_QIPCRTR AF_RDS AF_ROSE
syntax keyword packetdrillConstant AF_ROUTE AF_RXRPC AF_SECURITY AF_SMC AF_SNA AF_TIPC AF_UNIX AF_UNSPEC AF_VSOCK
syntax keyword packetdrillConstant AF_WANPIPE AF_X25 AF_XDP CAP_CLEAR CAP_EFFECTIVE CAP_INHERITABLE CAP_NET_ADMIN
syntax keyword packetdrillConstant CAP_NET_BIND_SERVICE CAP_NET_BROADCAST CAP_NET_RAW CAP_PERMITTED CAP_SET CAP_SYSLOG
syntax keyword packetdrillConstant CAP_SYS_ADMIN CAP_SYS_BOOT CAP_SYS_CHROOT CAP_SYS_MODULE CAP_SYS_NICE CAP_SYS_PACCT
syntax keyword packetdrillConstant CAP_SYS_PTRACE CAP_SYS_RAWIO CAP_SYS_RESOURCE CAP_SYS_TIME CAP_SYS_TTY_CONFIG E2BIG
syntax keyword packetdrillConstant EACCES EADDRINUSE EADDRNOTAVAIL EADV EAFNOSUPPORT EAGAIN EALREADY EBADE EBADF EBADFD
syntax keyword packetdrillConstant EBADMSG EBADR EBADRQC EBADSLT EBFONT EBUSY ECANCELED ECHILD ECHRNG ECOMM ECONNABORTED
syntax keyword packetdrillConstant ECONNREFUSED ECONNRESET EDEADLK EDEADLOCK EDESTADDRREQ EDOM EDOTDOT EDQUOT EEXIST
syntax keyword packetdrillConstant EFAULT EFBIG EHOSTDOWN EHOSTUNREACH EHWPOISON EIDRM EILSEQ EINPROGRESS EINTR EINVAL
syntax keyword packetdrillConstant EIO EISCONN EISDIR EISNAM EKEYEXPIRED EKEYREJECTED EKEYREVOKED EL2HLT EL2NSYNC EL3HLT
syntax keyword packetdrillConstant EL3RST ELIBACC ELIBBAD ELIBEXEC ELIBMAX ELIBSCN ELNRNG ELOOP EMEDIUMTYPE EMFILE
syntax keyword packetdrillConstant EMLINK EMSGSIZE EMULTIHOP ENAMETOOLONG ENAVAIL ENETDOWN ENETRESET ENETUNREACH ENFILE
syntax keyword packetdrillConstant ENOANO ENOBUFS ENOCSI ENODATA ENODEV ENOENT ENOEXEC ENOKEY ENOLCK ENOLINK ENOMEDIUM
syntax keyword packetdrillConstant ENOMEM ENOMSG ENONET ENOPKG ENOPROTOOPT ENOSPC ENOSR ENOSTR ENOSYS ENOTBLK ENOTCONN
syntax keyword packetdrillConstant ENOTDIR ENOTEMPTY ENOTNAM ENOTRECOVERABLE ENOTSOCK ENOTSUP ENOTTY ENOTUNIQ ENXIO
syntax keyword packetdrillConstant EOPNOTSUPP EOVERFLOW EOWNERDEAD EPERM EPFNOSUPPORT EPIPE EPOLLERR EPOLLET
syntax keyword packetdrillConstant EPOLLEXCLUSIVE EPOLLHUP EPOLLIN EPOLLMSG EPOLLONESHOT EPOLLOUT EPOLLPRI EPOLLRDBAND
syntax keyword packetdrillConstant EPOLLRDHUP EPOLLRDNORM EPOLLWAKEUP EPOLLWRBAND EPOLLWRNORM EPOLL_CLOEXEC
syntax keyword packetdrillConstant EPOLL_CTL_ADD EPOLL_CTL_DEL EPOLL_CTL_MOD EPROTO EPROTONOSUPPORT EPROTOTYPE ERANGE
syntax keyword packetdrillConstant EREMCHG EREMOTE EREMOTEIO ERESTART ERFKILL EROFS ESHUTDOWN ESOCKTNOSUPPORT ESPIPE
syntax keyword packetdrillConstant ESRCH ESRMNT ESTALE ESTRPIPE ETIME ETIMEDOUT ETOOMANYREFS ETXTBSY EUCLEAN EUNATCH
syntax keyword packetdrillConstant EUSERS EWOULDBLOCK EXDEV EXFULL FD_CLOEXEC FIONBIO FIONREAD F_ADD_SEALS F_DUPFD
syntax keyword packetdrillConstant F_DUPFD_CLOEXEC F_EXLCK F_GETFD F_GETFL F_GETLEASE F_GETLK F_GETLK64 F_GETOWN
syntax keyword packetdrillConstant F_GETOWN_EX F_GETPIPE_SZ F_GETSIG F_GET_FILE_RW_HINT F_GET_RW_HINT F_GET_SEALS F_LOCK
syntax keyword packetdrillConstant F_NOTIFY F_OFD_GETLK F_OFD_SETLK F_OFD_SETLKW F_OK F_RDLCK F_SEAL_FUTURE_WRITE
syntax keyword packetdrillConstant F_SEAL_GROW F_SEAL_SEAL F_SEAL_SHRINK F_SEAL_WRITE F_SETFD F_SETFL F_SETLEASE F_SETLK
syntax keyword packetdrillConstant F_SETLK64 F_SETLKW F_SETLKW64 F_SETOWN F_SETOWN_EX F_SETPIPE_SZ F_SETSIG
syntax keyword packetdrillConstant F_SET_FILE_RW_HINT F_SET_RW_HINT F_SHLCK F_TEST F_TLOCK F_ULOCK F_UNLCK F_WRLCK
syntax keyword packetdrillConstant IPPROTO_AH IPPROTO_BEETPH IPPROTO_COMP IPPROTO_DCCP IPPROTO_DSTOPTS IPPROTO_EGP
syntax keyword packetdrillConstant IPPROTO_ENCAP IPPROTO_ESP IPPROTO_ETHERNET IPPROTO_FRAGMENT IPPROTO_GRE
syntax keyword packetdrillConstant IPPROTO_HOPOPTS IPPROTO_ICMP IPPROTO_ICMPV6 IPPROTO_IDP IPPROTO_IGMP IPPROTO_IP
syntax keyword packetdrillConstant IPPROTO_IPIP IPPROTO_IPV6 IPPROTO_MH IPPROTO_MPLS IPPROTO_MPTCP IPPROTO_MTP
syntax keyword packetdrillConstant IPPROTO_NONE IPPROTO_PIM IPPROTO_PUP IPPROTO_RAW IPPROTO_ROUTING IPPROTO_RSVP
syntax keyword packetdrillConstant IPPROTO_SCTP IPPROTO_TCP IPPROTO_TP IPPROTO_UDP IPPROTO_UDPLITE IPTOS_DSCP_CS0
syntax keyword packetdrillConstant IPTOS_DSCP_CS1 IPTOS_DSCP_CS2 IPTOS_DSCP_CS3 IPTOS_DSCP_CS4 IPTOS_DSCP_CS5
syntax keyword packetdrillConstant IPTOS_DSCP_CS6 IPTOS_DSCP_CS7 IPV6_2292DSTOPTS IPV6_2292HOPLIMIT IPV6_2292HOPOPTS
syntax keyword packetdrillConstant IPV6_2292PKTINFO IPV6_2292PKTOPTIONS IPV6_2292RTHDR IPV6_ADDRFORM
syntax keyword packetdrillConstant IPV6_ADDR_PREFERENCES IPV6_ADD_MEMBERSHIP IPV6_AUTHHDR IPV6_AUTOFLOWLABEL
syntax keyword packetdrillConstant IPV6_CHECKSUM IPV6_DONTFRAG IPV6_DROP_MEMBERSHIP IPV6_DSTOPTS IPV6_FREEBIND
syntax keyword packetdrillConstant IPV6_HDRINCL IPV6_HOPLIMIT IPV6_HOPOPTS IPV6_IPSEC_POLICY IPV6_JOIN_ANYCAST
syntax keyword packetdrillConstant IPV6_JOIN_GROUP IPV6_LEAVE_ANYCAST IPV6_LEAVE_GROUP IPV6_MINHOPCOUNT IPV6_MTU
syntax keyword packetdrillConstant IPV6_MTU_DISCOVER IPV6_MULTICAST_ALL IPV6_MULTICAST_HOPS IPV6_MULTICAST_IF
syntax keyword packetdrillConstant IPV6_MULTICAST_LOOP IPV6_NEXTHOP IPV6_ORIGDSTADDR IPV6_PATHMTU IPV6_PKTINFO
syntax keyword packetdrillConstant IPV6_PMTUDISC_DO IPV6_PMTUDISC_DONT IPV6_PMTUDISC_INTERFACE IPV6_PMTUDISC_OMIT
syntax keyword packetdrillConstant IPV6_PMTUDISC_PROBE IPV6_PMTUDISC_WANT IPV6_RECVDSTOPTS IPV6_RECVERR
syntax keyword packetdrillConstant IPV6_RECVERR_RFC4884 IPV6_RECVFRAGSIZE IPV6_RECVHOPLIMIT IPV6_RECVHOPOPTS
syntax keyword packetdrillConstant IPV6_RECVORIGDSTADDR IPV6_RECVPATHMTU IPV6_RECVPKTINFO IPV6_RECVRTHDR IPV6_RECVTCLASS
syntax keyword packetdrillConstant IPV6_ROUTER_ALERT IPV6_ROUTER_ALERT_ISOLATE IPV6_RTHDR IPV6_RTHDRDSTOPTS
syntax keyword packetdrillConstant IPV6_RTHDR_LOOSE IPV6_RTHDR_STRICT IPV6_RTHDR_TYPE_0 IPV6_RXDSTOPTS IPV6_RXHOPOPTS
syntax keyword packetdrillConstant IPV6_TCLASS IPV6_TRANSPARENT IPV6_UNICAST_HOPS IPV6_UNICAST_IF IPV6_V6ONLY
syntax keyword packetdrillConstant IPV6_XFRM_POLICY IP_ADD_MEMBERSHIP IP_ADD_SOURCE_MEMBERSHIP IP_BIND_ADDRESS_NO_PORT
syntax keyword packetdrillConstant IP_BLOCK_SOURCE IP_CHECKSUM IP_DEFAULT_MULTICAST_LOOP IP_DEFAULT_MULTICAST_TTL
syntax keyword packetdrillConstant IP_DROP_MEMBERSHIP IP_DROP_SOURCE_MEMBERSHIP IP_FREEBIND IP_HDRINCL IP_IPSEC_POLICY
syntax keyword packetdrillConstant IP_LOCAL_PORT_RANGE IP_MAX_MEMBERSHIPS IP_MINTTL IP_MSFILTER IP_MTU IP_MTU_DISCOVER
syntax keyword packetdrillConstant IP_MULTICAST_ALL IP_MULTICAST_IF IP_MULTICAST_LOOP IP_MULTICAST_TTL IP_NODEFRAG
syntax keyword packetdrillConstant IP_OPTIONS IP_ORIGDSTADDR IP_PASSSEC IP_PKTINFO IP_PKTOPTIONS IP_PMTUDISC
syntax keyword packetdrillConstant IP_PMTUDISC_DO IP_PMTUDISC_DONT IP_PMTUDISC_INTERFACE IP_PMTUDISC_OMIT
syntax keyword packetdrillConstant IP_PMTUDISC_PROBE IP_PMTUDISC_WANT IP_RECVERR IP_RECVERR_RFC4884 IP_RECVFRAGSIZE
syntax keyword packetdrillConstant IP_RECVOPTS IP_RECVORIGDSTADDR IP_RECVRETOPTS IP_RECVTOS IP_RECVTTL IP_RETOPTS
syntax keyword packetdrillConstant IP_ROUTER_ALERT IP_TOS IP_TRANSPARENT IP_TTL IP_UNBLOCK_SOURCE IP_UNICAST_IF
syntax keyword packetdrillConstant IP_XFRM_POLICY MSG_BATCH MSG_CMSG_CLOEXEC MSG_CONFIRM MSG_CTRUNC MSG_DONTROUTE
syntax keyword packetdrillConstant MSG_DONTWAIT MSG_EOR MSG_ERRQUEUE MSG_FASTOPEN MSG_FIN MSG_MORE MSG_NOSIGNAL MSG_OOB
syntax keyword packetdrillConstant MSG_PEEK MSG_PROXY MSG_RST MSG_SYN MSG_TRUNC MSG_TRYHARD MSG_WAITALL MSG_WAITFORONE
syntax keyword packetdrillConstant MSG_ZEROCOPY NULL O_ACCMODE O_APPEND O_ASYNC O_CLOEXEC O_CREAT O_DIRECT O_DIRECTORY
syntax keyword packetdrillConstant O_DSYNC O_EXCL O_FSYNC O_LARGEFILE O_NDELAY O_NOATIME O_NOCTTY O_NOFOLLOW O_NONBLOCK
syntax keyword packetdrillConstant O_PATH O_RDONLY O_RDWR O_RSYNC O_SYNC O_TMPFILE O_TRUNC O_WRONLY PF_ALG PF_APPLETALK
syntax keyword packetdrillConstant PF_ASH PF_ATMPVC PF_ATMSVC PF_AX25 PF_BLUETOOTH PF_BRIDGE PF_CAIF PF_CAN PF_DECnet
syntax keyword packetdrillConstant PF_ECONET PF_FILE PF_IB PF_IEEE802154 PF_INET PF_INET6 PF_IPX PF_IRDA PF_ISDN PF_IUCV
syntax keyword packetdrillConstant PF_KCM PF_KEY PF_LLC PF_LOCAL PF_MCTP PF_MPLS PF_NETBEUI PF_NETLINK PF_NETROM PF_NFC
syntax keyword packetdrillConstant PF_PACKET PF_PHONET PF_PPPOX PF_QIPCRTR PF_RDS PF_ROSE PF_ROUTE PF_RXRPC PF_SECURITY
syntax keyword packetdrillConstant PF_SMC PF_SNA PF_TIPC PF_UNIX PF_UNSPEC PF_VSOCK PF_WANPIPE PF_X25 PF_XDP POLLERR
syntax keyword packetdrillConstant POLLHUP POLLIN POLLMSG POLLNVAL POLLOUT POLLPRI POLLRDBAND POLLRDHUP POLLRDNORM
syntax keyword packetdrillConstant POLLREMOVE POLLWRBAND POLLWRNORM SCM_CREDENTIALS SCM_RIGHTS SCM_TIMESTAMP
syntax keyword packetdrillConstant SCM_TIMESTAMPING SCM_TIMESTAMPING_OPT_STATS SCM_TIMESTAMPING_PKTINFO SCM_TIMESTAMPNS
syntax keyword packetdrillConstant SCM_TSTAMP_ACK SCM_TSTAMP_SCHED SCM_TSTAMP_SND SCM_TXTIME SCM_WIFI_STATUS SEEK_CUR
syntax keyword packetdrillConstant SEEK_END SEEK_SET SHUT_RD SHUT_RDWR SHUT_WR SIOCATMARK SIOCINQ SIOCOUTQ SIOCOUTQNSD
syntax keyword packetdrillConstant SK_MEMINFO_BACKLOG SK_MEMINFO_DROPS SK_MEMINFO_FWD_ALLOC SK_MEMINFO_OPTMEM
syntax keyword packetdrillConstant SK_MEMINFO_RCVBUF SK_MEMINFO_RMEM_ALLOC SK_MEMINFO_SNDBUF SK_MEMINFO_WMEM_ALLOC
syntax keyword packetdrillConstant SK_MEMINFO_WMEM_QUEUED SOCK_BUF_LOCK_MASK SOCK_CLOEXEC SOCK_DCCP SOCK_DGRAM
syntax keyword packetdrillConstant SOCK_IOC_TYPE SOCK_NONBLOCK SOCK_PACKET SOCK_RAW SOCK_RCVBUF_LOCK SOCK_RDM
syntax keyword packetdrillConstant SOCK_SEQPACKET SOCK_SNDBUF_LOCK SOCK_STREAM SOCK_TXREHASH_DEFAULT
syntax keyword packetdrillConstant SOCK_TXREHASH_DISABLED SOCK_TXREHASH_ENABLED SOF_TIMESTAMPING_BIND_PHC
syntax keyword packetdrillConstant SOF_TIMESTAMPING_OPT_CMSG SOF_TIMESTAMPING_OPT_ID SOF_TIMESTAMPING_OPT_ID_TCP
syntax keyword packetdrillConstant SOF_TIMESTAMPING_OPT_PKTINFO SOF_TIMESTAMPING_OPT_RX_FILTER
syntax keyword packetdrillConstant SOF_TIMESTAMPING_OPT_STATS SOF_TIMESTAMPING_OPT_TSONLY SOF_TIMESTAMPING_OPT_TX_SWHW
syntax keyword packetdrillConstant SOF_TIMESTAMPING_RAW_HARDWARE SOF_TIMESTAMPING_RX_HARDWARE
syntax keyword packetdrillConstant SOF_TIMESTAMPING_RX_SOFTWARE SOF_TIMESTAMPING_SOFTWARE SOF_TIMESTAMPING_SYS_HARDWARE
syntax keyword packetdrillConstant SOF_TIMESTAMPING_TX_ACK SOF_TIMESTAMPING_TX_HARDWARE SOF_TIMESTAMPING_TX_RECORD_MASK
syntax keyword packetdrillConstant SOF_TIMESTAMPING_TX_SCHED SOF_TIMESTAMPING_TX_SOFTWARE SOL_AAL SOL_ALG SOL_ATM
syntax keyword packetdrillConstant SOL_BLUETOOTH SOL_CAIF SOL_DCCP SOL_DECNET SOL_ICMPV6 SOL_IP SOL_IPV6 SOL_IRDA
syntax keyword packetdrillConstant SOL_IUCV SOL_KCM SOL_LLC SOL_MCTP SOL_MPTCP SOL_NETBEUI SOL_NETLINK SOL_NFC
syntax keyword packetdrillConstant SOL_PACKET SOL_PNPIPE SOL_PPPOL2TP SOL_RAW SOL_RDS SOL_RXRPC SOL_SMC SOL_SOCKET
syntax keyword packetdrillConstant SOL_TCP SOL_TIPC SOL_TLS SOL_UDP SOL_X25 SOL_XDP SOMAXCONN SO_ACCEPTCONN
syntax keyword packetdrillConstant SO_ATTACH_BPF SO_ATTACH_FILTER SO_ATTACH_REUSEPORT_CBPF SO_ATTACH_REUSEPORT_EBPF
syntax keyword packetdrillConstant SO_BINDTODEVICE SO_BINDTOIFINDEX SO_BPF_EXTENSIONS SO_BROADCAST SO_BSDCOMPAT
syntax keyword packetdrillConstant SO_BUF_LOCK SO_BUSY_POLL SO_BUSY_POLL_BUDGET SO_CNX_ADVICE SO_COOKIE SO_DEBUG
syntax keyword packetdrillConstant SO_DETACH_BPF SO_DETACH_FILTER SO_DETACH_REUSEPORT_BPF SO_DOMAIN SO_DONTROUTE
syntax keyword packetdrillConstant SO_EE_CODE_TXTIME_INVALID_PARAM SO_EE_CODE_TXTIME_MISSED SO_EE_CODE_ZEROCOPY_COPIED
syntax keyword packetdrillConstant SO_EE_ORIGIN_ICMP SO_EE_ORIGIN_ICMP6 SO_EE_ORIGIN_LOCAL SO_EE_ORIGIN_NONE
syntax keyword packetdrillConstant SO_EE_ORIGIN_TIMESTAMPING SO_EE_ORIGIN_TXSTATUS SO_EE_ORIGIN_TXTIME
syntax keyword packetdrillConstant SO_EE_ORIGIN_ZEROCOPY SO_EE_RFC4884_FLAG_INVALID SO_ERROR SO_GET_FILTER
syntax keyword packetdrillConstant SO_INCOMING_CPU SO_INCOMING_NAPI_ID SO_KEEPALIVE SO_LINGER SO_LOCK_FILTER SO_MARK
syntax keyword packetdrillConstant SO_MAX_PACING_RATE SO_MEMINFO SO_NETNS_COOKIE SO_NOFCS SO_NO_CHECK SO_OOBINLINE
syntax keyword packetdrillConstant SO_PASSCRED SO_PASSSEC SO_PEEK_OFF SO_PEERCRED SO_PEERGROUPS SO_PEERNAME SO_PEERSEC
syntax keyword packetdrillConstant SO_PREFER_BUSY_POLL SO_PRIORITY SO_PROTOCOL SO_RCVBUF SO_RCVBUFFORCE SO_RCVLOWAT
syntax keyword packetdrillConstant SO_RCVMARK SO_RCVTIMEO SO_RCVTIMEO_NEW SO_RCVTIMEO_OLD SO_RESERVE_MEM SO_REUSEADDR
syntax keyword packetdrillConstant SO_REUSEPORT SO_RXQ_OVFL SO_SECURITY_AUTHENTICATION SO_SECURITY_ENCRYPTION_NETWORK
syntax keyword packetdrillConstant SO_SECURITY_ENCRYPTION_TRANSPORT SO_SELECT_ERR_QUEUE SO_SNDBUF SO_SNDBUFFORCE
syntax keyword packetdrillConstant SO_SNDLOWAT SO_SNDTIMEO SO_SNDTIMEO_NEW SO_SNDTIMEO_OLD SO_TIMESTAMP SO_TIMESTAMPING
syntax keyword packetdrillConstant SO_TIMESTAMPING_NEW SO_TIMESTAMPING_OLD SO_TIMESTAMPNS SO_TIMESTAMPNS_NEW
syntax keyword packetdrillConstant SO_TIMESTAMPNS_OLD SO_TIMESTAMP_NEW SO_TIMESTAMP_OLD SO_TXREHASH SO_TXTIME SO_TYPE
syntax keyword packetdrillConstant SO_WIFI_STATUS SO_ZEROCOPY SPLICE_F_GIFT SPLICE_F_MORE SPLICE_F_MOVE
syntax keyword packetdrillConstant SPLICE_F_NONBLOCK TCPF_CA_CWR TCPF_CA_Disorder TCPF_CA_Loss TCPF_CA_Open
syntax keyword packetdrillConstant TCPF_CA_Recovery TCPI_OPT_ECN TCPI_OPT_ECN_SEEN TCPI_OPT_SACK TCPI_OPT_SYN_DATA
syntax keyword packetdrillConstant TCPI_OPT_TIMESTAMPS TCPI_OPT_WSCALE TCP_CA_CWR TCP_CA_DISORDER TCP_CA_Disorder
syntax keyword packetdrillConstant TCP_CA_LOSS TCP_CA_Loss TCP_CA_OPEN TCP_CA_Open TCP_CA_RECOVERY TCP_CA_Recovery
syntax keyword packetdrillConstant TCP_CC_INFO TCP_CLOSE TCP_CLOSE_WAIT TCP_CLOSING TCP_CM_INQ TCP_CONGESTION
syntax keyword packetdrillConstant TCP_COOKIE_TRANSACTIONS TCP_CORK TCP_DEFER_ACCEPT TCP_DELACK_MAX_US TCP_ESTABLISHED
syntax keyword packetdrillConstant TCP_FASTOPEN TCP_FASTOPEN_CONNECT TCP_FASTOPEN_KEY TCP_FASTOPEN_NO_COOKIE
syntax keyword packetdrillConstant TCP_FIN_WAIT1 TCP_FIN_WAIT2 TCP_INFINITE_SSTHRESH TCP_INFO TCP_INQ TCP_KEEPCNT
syntax keyword packetdrillConstant TCP_KEEPIDLE TCP_KEEPINTVL TCP_LAST_ACK TCP_LINGER2 TCP_LISTEN TCP_MAXSEG TCP_MD5SIG
syntax keyword packetdrillConstant TCP_MD5SIG_EXT TCP_MD5SIG_FLAG_IFINDEX TCP_MD5SIG_FLAG_PREFIX TCP_MD5SIG_MAXKEYLEN
syntax keyword packetdrillConstant TCP_MSS_DEFAULT TCP_MSS_DESIRED TCP_NEW_SYN_RECV TCP_NLA_BUSY TCP_NLA_BYTES_RETRANS
syntax keyword packetdrillConstant TCP_NLA_BYTES_SENT TCP_NLA_CA_STATE TCP_NLA_DATA_SEGS_OUT TCP_NLA_DELIVERED
syntax keyword packetdrillConstant TCP_NLA_DELIVERED_CE TCP_NLA_DELIVERY_RATE TCP_NLA_DELIVERY_RATE_APP_LMT
syntax keyword packetdrillConstant TCP_NLA_DSACK_DUPS TCP_NLA_EDT TCP_NLA_MIN_RTT TCP_NLA_PACING_RATE
syntax keyword packetdrillConstant TCP_NLA_RECUR_RETRANS TCP_NLA_REORDERING TCP_NLA_REORD_SEEN TCP_NLA_RWND_LIMITED
syntax keyword packetdrillConstant TCP_NLA_SNDBUF_LIMITED TCP_NLA_SNDQ_SIZE TCP_NLA_SND_CWND TCP_NLA_SND_SSTHRESH
syntax keyword packetdrillConstant TCP_NLA_SRTT TCP_NLA_TIMEOUT_REHASH TCP_NLA_TOTAL_RETRANS TCP_NLA_TTL TCP_NODELAY
syntax keyword packetdrillConstant TCP_NOTSENT_LOWAT TCP_QUEUE_SEQ TCP_QUICKACK TCP_RECEIVE_ZEROCOPY_FLAG_TLB_CLEAN_HINT
syntax keyword packetdrillConstant TCP_REPAIR TCP_REPAIR_OFF TCP_REPAIR_OFF_NO_WP TCP_REPAIR_ON TCP_REPAIR_OPTIONS
syntax keyword packetdrillConstant TCP_REPAIR_QUEUE TCP_REPAIR_WINDOW TCP_RTO_MAX_MS TCP_RTO_MIN_US TCP_SAVED_SYN
syntax keyword packetdrillConstant TCP_SAVE_SYN TCP_SYNCNT TCP_SYN_RECV TCP_SYN_SENT TCP_THIN_DUPACK
syntax keyword packetdrillConstant TCP_THIN_LINEAR_TIMEOUTS TCP_TIMESTAMP TCP_TIME_WAIT TCP_TX_DELAY TCP_ULP
syntax keyword packetdrillConstant TCP_USER_TIMEOUT TCP_WINDOW_CLAMP TCP_ZEROCOPY_RECEIVE
syntax match packetdrillStatement /^\s*\zs\%(any\|let\|use\|vary\|when\)\>/
syntax match packetdrillStatement /}\s*\zs\%(else\|or\)\>/
syntax match packetdrillOption /--\%(bind_port\|code_command\|code_format\|code_sockopt\|connect_port\|debug\|define\|dry_run\|gateway_ip\|init_scripts\|ip_version\|is_anyip\|local_ip\|local_linux_ip\|mss\|mtu\|netmask_ip\|non_fatal\|persistent_tun_dev\|psp_udp_port\|remote_ip\|send_omit_free\|so_filename\|so_flags\|speed\|strict_segments\|tcp_md5_secret\|tcp_ts_ecr_scaled\|tcp_ts_tick_usecs\|tolerance_percent\|tolerance_usecs\|tun_dev\|udp_encaps\|udp_encapsulation\|verbose\|wire_client\|wire_client_dev\|wire_server\|wire_server_at\|wire_server_dev\|wire_server_ip\|wire_server_port\)\>/
syntax match packetdrillStatement /\%(^\s*\S\+\s\+\)\@<=silent\>/
syntax match packetdrillDirective /^\s*#\s*\%(ifdef\|endif\)\>/
syntax match packetdrillNumber /\<\%(0x\x\+\|\d\+\%(\.\d\+\)\?\)\>/
syntax match packetdrillTime /^\s*\zs\%(\*\|+\?\%([0-9.]\+\|\$[A-Za-z0-9_.]\+\%([+-][0-9.]\+\)\?\)\%(\~+\?[0-9.]\+\|\.\.\.[0-9.]\+\)\?\)\ze\s/
syntax match packetdrillDirection /\s\zs[<>]\ze[[:space:](\[]/
syntax match packetdrillFlags /\s\zs\%([FSRPUEWA]\+\s*\.\?[0-7]\?\|\.[0-7]\?\|-\)\ze\s\+[0-9$A-Z.]\+[:(]/
syntax match packetdrillName /\$[A-Za-z0-9_]\+\%(\.[A-Za-z0-9_]\+\)*/
syntax match packetdrillEllipsis /\.\.\./
syntax match packetdrillEscape /\\\%(x\x\x\|.\)/ contained
syntax region packetdrillString start=/"/ end=/"/ oneline contains=packetdrillEscape
syntax region packetdrillCommand start=/`/ skip=/\\./ end=/`/ contains=packetdrillVariable
syntax match packetdrillVariable /\${[A-Za-z0-9_.]\+}/ contained
syntax region packetdrillCode matchgroup=packetdrillMarks start=/%{/ end=/}%/ contains=@packetdrillPython keepend
syntax match packetdrillComment "//.*$" contains=packetdrillTodo
syntax region packetdrillComment start="/\*" end="\*/" contains=packetdrillTodo
syntax match packetdrillHeadline "^//[=:].*$"
syntax keyword packetdrillTodo TODO FIXME XXX contained

highlight default link packetdrillStatement Statement
highlight default link packetdrillDirective PreProc
highlight default link packetdrillOption PreProc
highlight default link packetdrillTime Number
highlight default link packetdrillNumber Number
highlight default link packetdrillDirection Operator
highlight default link packetdrillFlags Type
highlight default link packetdrillHeader Type
highlight default link packetdrillField Keyword
highlight default link packetdrillIpWord Keyword
highlight default link packetdrillTcpOption Identifier
highlight default link packetdrillIcmp Constant
highlight default link packetdrillCall Function
highlight default link packetdrillConstant Constant
highlight default link packetdrillName Identifier
highlight default link packetdrillVariable Identifier
highlight default link packetdrillEllipsis Special
highlight default link packetdrillEscape SpecialChar
highlight default link packetdrillString String
highlight default link packetdrillCommand String
highlight default link packetdrillMarks Delimiter
highlight default link packetdrillComment Comment
highlight default link packetdrillHeadline SpecialComment
highlight default link packetdrillTodo Todo

let b:current_syntax = "packetdrill"
let &cpoptions = s:keep
unlet s:keep
