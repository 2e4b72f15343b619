"""The media type of a file name: one table, so that every client on every machine stores the same type.

The last ending decides.  Stored bytes have no Content-Encoding, so ``a.json.gz`` is gzip and not JSON.
Source: the IANA registry, RFC 8216 (HLS), RFC 9559 (Matroska), Apache's mime.types.
"""

from __future__ import absolute_import, division, print_function

from .compat import TYPE_CHECKING

if TYPE_CHECKING:
    from typing import Iterator  # noqa: F401

#: (media type, endings)
TYPES = (
    # Streaming
    (u"application/vnd.apple.mpegurl", u"m3u8 m3u"),
    (u"application/dash+xml", u"mpd"),
    (u"application/vnd.ms-sstr+xml", u"ism isml ismc"),
    (u"video/mp2t", u"ts m2ts mts m2t"),
    (u"video/iso.segment", u"m4s"),
    # Video
    (u"video/mp4", u"mp4 m4v mp4v cmfv f4v"),
    (u"video/quicktime", u"mov qt"),
    (u"video/webm", u"webm"),
    (u"video/x-matroska", u"mkv mk3d"),
    (u"video/ogg", u"ogv"),
    (u"video/mpeg", u"mpg mpeg mpe m1v m2v vob"),
    (u"video/3gpp", u"3gp 3gpp"),
    (u"video/3gpp2", u"3g2 3gpp2"),
    (u"video/x-flv", u"flv"),
    (u"video/x-msvideo", u"avi"),
    (u"video/x-ms-wmv", u"wmv"),
    (u"video/x-ms-asf", u"asf"),
    (u"video/h264", u"h264 264"),
    (u"video/h265", u"h265 265 hevc"),
    (u"video/dv", u"dv"),
    (u"application/mxf", u"mxf"),
    (u"application/vnd.rn-realmedia", u"rm"),
    (u"application/vnd.rn-realmedia-vbr", u"rmvb"),
    # Audio
    (u"audio/mpeg", u"mp3 mp2 mpa mpga"),
    (u"audio/mp4", u"m4a m4b cmfa"),
    (u"audio/aac", u"aac adts"),
    (u"audio/ogg", u"ogg oga opus spx"),
    (u"audio/flac", u"flac"),
    (u"audio/wav", u"wav"),
    (u"audio/webm", u"weba"),
    (u"audio/x-matroska", u"mka"),
    (u"audio/aiff", u"aif aiff aifc"),
    (u"audio/ac3", u"ac3"),
    (u"audio/eac3", u"eac3 ec3"),
    (u"audio/vnd.dts", u"dts"),
    (u"audio/amr", u"amr"),
    (u"audio/basic", u"au snd"),
    (u"audio/midi", u"mid midi"),
    (u"audio/x-ape", u"ape"),
    (u"audio/x-caf", u"caf"),
    (u"audio/x-ms-wma", u"wma"),
    (u"audio/x-pn-realaudio", u"ra ram"),
    # Subtitles
    (u"text/vtt", u"vtt"),
    (u"application/x-subrip", u"srt"),
    (u"text/x-ssa", u"ass ssa"),
    (u"application/ttml+xml", u"ttml dfxp"),
    # Images
    (u"image/jpeg", u"jpg jpeg jpe jfif"),
    (u"image/png", u"png"),
    (u"image/apng", u"apng"),
    (u"image/gif", u"gif"),
    (u"image/webp", u"webp"),
    (u"image/avif", u"avif"),
    (u"image/heic", u"heic"),
    (u"image/heif", u"heif"),
    (u"image/jxl", u"jxl"),
    (u"image/jp2", u"jp2 jpg2"),
    (u"image/svg+xml", u"svg"),
    (u"image/bmp", u"bmp dib"),
    (u"image/tiff", u"tif tiff"),
    (u"image/vnd.microsoft.icon", u"ico"),
    (u"image/vnd.adobe.photoshop", u"psd"),
    (u"image/x-adobe-dng", u"dng"),
    (u"image/x-canon-cr2", u"cr2"),
    (u"image/x-canon-cr3", u"cr3"),
    (u"image/x-nikon-nef", u"nef"),
    (u"image/x-sony-arw", u"arw"),
    (u"image/x-portable-anymap", u"pnm"),
    (u"image/x-portable-bitmap", u"pbm"),
    (u"image/x-portable-graymap", u"pgm"),
    (u"image/x-portable-pixmap", u"ppm"),
    (u"image/x-tga", u"tga"),
    (u"image/aces", u"exr"),
    # Documents
    (u"application/pdf", u"pdf"),
    (u"application/epub+zip", u"epub"),
    (u"application/msword", u"doc dot"),
    (u"application/vnd.openxmlformats-officedocument.wordprocessingml.document", u"docx"),
    (u"application/vnd.ms-excel", u"xls xlt"),
    (u"application/vnd.openxmlformats-officedocument.spreadsheetml.sheet", u"xlsx"),
    (u"application/vnd.ms-powerpoint", u"ppt pps pot"),
    (u"application/vnd.openxmlformats-officedocument.presentationml.presentation", u"pptx"),
    (u"application/vnd.oasis.opendocument.text", u"odt"),
    (u"application/vnd.oasis.opendocument.spreadsheet", u"ods"),
    (u"application/vnd.oasis.opendocument.presentation", u"odp"),
    (u"application/vnd.oasis.opendocument.graphics", u"odg"),
    (u"application/rtf", u"rtf"),
    (u"application/postscript", u"ps eps ai"),
    (u"message/rfc822", u"eml mht mhtml"),
    (u"text/calendar", u"ics"),
    (u"text/vcard", u"vcf"),
    # Text
    (u"text/plain", u"txt log text conf cfg ini lrc bat c h cc cpp hpp cs go java kt rs rb pl swift ksh"),
    (u"text/html", u"html htm"),
    (u"text/css", u"css"),
    (u"text/javascript", u"js mjs cjs"),
    (u"text/csv", u"csv"),
    (u"text/tab-separated-values", u"tsv"),
    (u"text/markdown", u"md markdown"),
    (u"text/xml", u"xml"),
    (u"text/x-python", u"py"),
    (u"application/x-sh", u"sh"),
    (u"application/x-tex", u"tex"),
    (u"application/xhtml+xml", u"xhtml"),
    (u"application/xml", u"xsl rdf wsdl"),
    (u"application/rss+xml", u"rss"),
    (u"application/atom+xml", u"atom"),
    (u"application/json", u"json map"),
    (u"application/geo+json", u"geojson"),
    (u"application/x-ndjson", u"jsonl ndjson"),
    (u"application/manifest+json", u"webmanifest"),
    (u"application/yaml", u"yaml yml"),
    (u"application/toml", u"toml"),
    (u"application/sql", u"sql"),
    # Data
    (u"application/vnd.apache.parquet", u"parquet"),
    (u"application/vnd.apache.arrow.file", u"arrow feather"),
    (u"application/vnd.sqlite3", u"sqlite sqlite3"),
    (u"application/x-hdf5", u"h5 hdf5"),
    (u"application/x-netcdf", u"nc cdf"),
    (u"application/wasm", u"wasm"),
    (u"application/x-pkcs12", u"p12 pfx"),
    (u"application/x-bittorrent", u"torrent"),
    (u"model/gltf+json", u"gltf"),
    (u"model/gltf-binary", u"glb"),
    (u"model/stl", u"stl"),
    # Fonts
    (u"font/woff", u"woff"),
    (u"font/woff2", u"woff2"),
    (u"font/ttf", u"ttf"),
    (u"font/otf", u"otf"),
    # Compressed files, whatever is inside, and archives
    (u"application/gzip", u"gz tgz svgz"),
    (u"application/x-bzip2", u"bz2 tbz2"),
    (u"application/x-xz", u"xz txz"),
    (u"application/zstd", u"zst tzst"),
    (u"application/x-lz4", u"lz4"),
    (u"application/x-brotli", u"br"),
    (u"application/x-compress", u"z"),
    (u"application/zip", u"zip"),
    (u"application/x-tar", u"tar"),
    (u"application/x-7z-compressed", u"7z"),
    (u"application/vnd.rar", u"rar"),
    (u"application/java-archive", u"jar"),
    (u"application/vnd.android.package-archive", u"apk"),
    (u"application/vnd.debian.binary-package", u"deb"),
    (u"application/x-rpm", u"rpm"),
    (u"application/x-cpio", u"cpio"),
    (u"application/x-iso9660-image", u"iso"),
    (u"application/x-apple-diskimage", u"dmg"),
)


def _endings():
    # type: () -> Iterator[tuple[str, str]]
    for media_type, endings in TYPES:
        for ending in endings.split():
            yield ending, media_type


#: {ending in lower case, without the dot: media type}
BY_ENDING = dict(_endings())


def of_name(name):
    # type: (str) -> str | None
    """The media type for a key or a file name, a text; None if its ending is unknown.

    A name that only begins with a dot, as ``.json``, has no ending.
    """
    stem, dot, ending = name.rpartition(u"/")[2].rpartition(u".")
    return BY_ENDING.get(ending.lower()) if stem and dot else None
