# kith_release_date(directory out): a time, in seconds since 1970, that has passed when what is built from that directory runs. A wall
# clock that is earlier is not believed (lib/host/system.h). The same sources give the same time, so builds stay reproducible:
#   SOURCE_DATE_EPOCH of the environment, if it is set; else
#   the date of the newest release in CHANGELOG.md ("## 1.2.3, 2026-01-31"); else
#   the date of the last commit; else, and at least, the date when this was written.
# As a script it prints it:  cmake -D DIRECTORY=. -P cmake/KithReleaseDate.cmake

set(KITH_RELEASE_DATE_LEAST 1763683200) # 2025-11-21

# Days since 1970 of a date in the Gregorian calendar, years counted from March.
function(kith_days year month day out)
	math(EXPR y "${year} - (14 - ${month}) / 12")
	math(EXPR m "(${month} + 9) % 12")
	math(EXPR days "365 * ${y} + ${y} / 4 - ${y} / 100 + ${y} / 400 + (153 * ${m} + 2) / 5 + ${day} - 1 - 719468")
	set(${out} ${days} PARENT_SCOPE)
endfunction()

function(kith_release_date directory out)
	set(seconds "$ENV{SOURCE_DATE_EPOCH}")
	if(NOT seconds STREQUAL "" AND NOT seconds MATCHES "^[0-9]+$")
		message(FATAL_ERROR "SOURCE_DATE_EPOCH is \"${seconds}\"; expected seconds since 1970")
	endif()
	if(seconds STREQUAL "" AND EXISTS ${directory}/CHANGELOG.md)
		file(STRINGS ${directory}/CHANGELOG.md releases REGEX "^## [^,]+, [0-9][0-9][0-9][0-9]-[0-9][0-9]-[0-9][0-9]")
		if(releases)
			list(GET releases 0 newest)
			# Without the zero in front: "08" would be octal.
			string(REGEX MATCH "([0-9][0-9][0-9][0-9])-0?([0-9]+)-0?([0-9]+)" date "${newest}")
			kith_days(${CMAKE_MATCH_1} ${CMAKE_MATCH_2} ${CMAKE_MATCH_3} days)
			math(EXPR seconds "${days} * 86400")
		endif()
	endif()
	if(seconds STREQUAL "" AND EXISTS ${directory}/.git)
		execute_process(COMMAND git -C ${directory} log -1 --format=%ct OUTPUT_VARIABLE seconds ERROR_QUIET
			OUTPUT_STRIP_TRAILING_WHITESPACE)
	endif()
	if(NOT seconds MATCHES "^[0-9]+$" OR seconds LESS KITH_RELEASE_DATE_LEAST)
		set(seconds ${KITH_RELEASE_DATE_LEAST})
	endif()
	set(${out} ${seconds} PARENT_SCOPE)
endfunction()

if(CMAKE_SCRIPT_MODE_FILE STREQUAL CMAKE_CURRENT_LIST_FILE)
	kith_release_date(${DIRECTORY} seconds)
	message(NOTICE ${seconds})
endif()
