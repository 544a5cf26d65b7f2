# The Debian packages: one for each component that is installed. A further component is a line in
# `packages`, and its name and a description here.
set(packages broker worker client lib dev)
foreach(component IN LISTS packages)
  set(package_${component} brot-${component})
endforeach()
# A library's is named after its soname.
set(package_lib libbrot${PROJECT_VERSION_MAJOR})
set(package_dev libbrot-dev)
set(package_python python3-brot)
if(BROT_HAS_SETUPTOOLS)
  list(APPEND packages python)
endif()

set(CPACK_GENERATOR DEB)
set(CPACK_PACKAGE_NAME brot)
set(CPACK_PACKAGE_VENDOR brot)
# None for all: the first line of each description is its own.
set(CPACK_PACKAGE_DESCRIPTION_SUMMARY "")
set(BROT_MAINTAINER "brot authors <brot@localhost>" CACHE STRING "Whom the packages name")
set(CPACK_PACKAGE_CONTACT "${BROT_MAINTAINER}")
set(CPACK_PACKAGE_DIRECTORY ${PROJECT_BINARY_DIR}/package)
set(CPACK_COMPONENTS_ALL ${packages})
set(CPACK_STRIP_FILES TRUE)
# Settings lie in /etc whatever the prefix is.
set(CPACK_SET_DESTDIR TRUE)
set(CPACK_INSTALL_PREFIX /usr)

set(CPACK_DEB_COMPONENT_INSTALL ON)
set(CPACK_DEBIAN_FILE_NAME DEB-DEFAULT)
set(CPACK_DEBIAN_PACKAGE_RELEASE 1)
set(CPACK_DEBIAN_PACKAGE_SECTION graphics)
set(CPACK_DEBIAN_PACKAGE_PRIORITY optional)
set(CPACK_DEBIAN_PACKAGE_SHLIBDEPS ON)
set(CPACK_DEBIAN_PACKAGE_GENERATE_SHLIBS ON)
set(CPACK_DEBIAN_PACKAGE_GENERATE_SHLIBS_POLICY ">=")
set(CPACK_DEBIAN_PACKAGE_CONTROL_STRICT_PERMISSION TRUE)
set(CPACK_DEBIAN_COMPRESSION_TYPE xz)

# A user for the service is made as debhelper's packages do.
set(service_depends
  "systemd | systemd-standalone-sysusers | systemd-sysusers, init-system-helpers (>= 1.54~)")
# Locks need an option of libzmq that no symbol tells of.
set(zmq_depends "libzmq5 (>= 4.3.4~)")

set(CPACK_COMPONENT_BROKER_DESCRIPTION
  "render service for the Mandelbrot family, broker
The broker takes render requests from clients and leases their tiles to
workers, on this host by shared memory and on others by the network. Its jobs
outlive workers, clients and itself.

 This package has the broker and its systemd service.")
set(CPACK_DEBIAN_BROKER_PACKAGE_DEPENDS "${service_depends}, ${zmq_depends}")
set(CPACK_DEBIAN_BROKER_PACKAGE_RECOMMENDS "brot-worker")
set(CPACK_DEBIAN_BROKER_PACKAGE_SUGGESTS "brot-client")

set(CPACK_COMPONENT_WORKER_DESCRIPTION
  "render service for the Mandelbrot family, workers
Workers compute the tiles that a broker leases to them, with the fastest
kernel that the CPU has.

 This package has the workers of one host and their systemd service.")
set(CPACK_DEBIAN_WORKER_PACKAGE_DEPENDS "${service_depends}, ${zmq_depends}")

set(CPACK_COMPONENT_CLIENT_DESCRIPTION
  "render service for the Mandelbrot family, client
The client submits requests and writes PNG, PPM and NumPy files. Without a
service it starts one for the call, where broker and workers are installed.

 This package has the client, bash completion and the manual of the protocol.")
set(CPACK_DEBIAN_CLIENT_PACKAGE_DEPENDS "${zmq_depends}")
set(CPACK_DEBIAN_CLIENT_PACKAGE_RECOMMENDS "brot-broker, brot-worker")

set(CPACK_COMPONENT_LIB_DESCRIPTION
  "render service for the Mandelbrot family, library
The library renders in a program itself or by a broker, colours, and writes
PNG, PPM, NumPy and OpenEXR files.

 This package has the shared library.")
set(CPACK_DEBIAN_LIB_PACKAGE_SECTION libs)
set(CPACK_DEBIAN_LIB_PACKAGE_DEPENDS "${zmq_depends}")
set(CPACK_DEBIAN_LIB_PACKAGE_SUGGESTS "brot-broker, brot-worker")
set(CPACK_DEBIAN_LIB_PACKAGE_CONTROL_EXTRA ${CMAKE_CURRENT_LIST_DIR}/lib/triggers)

set(CPACK_COMPONENT_DEV_DESCRIPTION
  "render service for the Mandelbrot family, library's headers
The library renders in a program itself or by a broker, colours, and writes
PNG, PPM, NumPy and OpenEXR files.

 This package has its headers, and what pkg-config and CMake find it by.")
set(CPACK_DEBIAN_DEV_PACKAGE_SECTION libdevel)
set(CPACK_DEBIAN_ENABLE_COMPONENT_DEPENDS ON)
set(CPACK_COMPONENT_DEV_DEPENDS lib)

set(CPACK_COMPONENT_PYTHON_DESCRIPTION
  "render service for the Mandelbrot family, Python 3
The Mandelbrot family as NumPy arrays: from a render service, from one of the
program's own, or from the program itself.

 This package has the Python package brot.")
set(CPACK_COMPONENT_PYTHON_DEPENDS lib)
set(CPACK_DEBIAN_PYTHON_PACKAGE_SECTION python)
set(CPACK_DEBIAN_PYTHON_PACKAGE_ARCHITECTURE all)
set(CPACK_DEBIAN_PYTHON_PACKAGE_DEPENDS
  "python3:any (>= 3.11~), python3-numpy (>= 1:1.24), python3-zmq (>= 24)")
set(CPACK_DEBIAN_PYTHON_PACKAGE_RECOMMENDS "brot-broker, brot-worker")
set(CPACK_DEBIAN_PYTHON_PACKAGE_SUGGESTS
  "python3-notebook, python3-ipywidgets, python3-matplotlib, python3-xarray, python3-dask")
set(CPACK_DEBIAN_PYTHON_PACKAGE_CONTROL_EXTRA
  "${CMAKE_CURRENT_LIST_DIR}/python/postinst;${CMAKE_CURRENT_LIST_DIR}/python/prerm")

# maintainer_scripts(<role> UNITS unit... OTHER package): the scripts of a package with a service.
function(maintainer_scripts ROLE)
  cmake_parse_arguments(PARSE_ARGV 1 S "" "OTHER" "UNITS")
  set(PACKAGE brot-${ROLE})
  set(OTHER ${S_OTHER})
  list(JOIN S_UNITS " " UNITS)
  set(folder ${CMAKE_CURRENT_BINARY_DIR}/debian/${ROLE})
  set(scripts)
  foreach(script IN ITEMS postinst prerm postrm)
    configure_file(debian/${script}.in ${folder}/${script} @ONLY
      FILE_PERMISSIONS OWNER_READ OWNER_WRITE OWNER_EXECUTE GROUP_READ GROUP_EXECUTE WORLD_READ
      WORLD_EXECUTE)
    list(APPEND scripts ${folder}/${script})
  endforeach()
  file(WRITE ${folder}/conffiles "/etc/brot/${ROLE}.json\n")
  string(TOUPPER ${ROLE} upper)
  set(CPACK_DEBIAN_${upper}_PACKAGE_CONTROL_EXTRA "${scripts};${folder}/conffiles" PARENT_SCOPE)
endfunction()

maintainer_scripts(broker UNITS brot-broker.service brot.target OTHER brot-worker)
maintainer_scripts(worker UNITS brot-worker.service OTHER brot-broker)

string(TIMESTAMP date "%a, %d %b %Y %H:%M:%S +0000" UTC)
foreach(component IN LISTS packages)
  string(TOUPPER ${component} upper)
  set(PACKAGE ${package_${component}})
  set(CPACK_DEBIAN_${upper}_PACKAGE_NAME ${PACKAGE})
  configure_file(debian/changelog.in debian/${component}/changelog.Debian @ONLY)
  set(doc ${CMAKE_INSTALL_DATADIR}/doc/${PACKAGE})
  install_gz(${CMAKE_CURRENT_BINARY_DIR}/debian/${component}/changelog.Debian ${doc} ${component})
  install(FILES debian/copyright DESTINATION ${doc} COMPONENT ${component})
endforeach()

include(CPack)
